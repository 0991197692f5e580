// A private Byteball network of one old full node: npm byteballcore 0.2.93, protocol 1.0, one witness, a chain of its own
// that begins with this process. It serves light clients on 127.0.0.1 and does as it is told on stdin, one command a line:
//
//   witness N             the witness posts N units; answers the last one's hash
//   fund ADDRESS AMOUNT   the witness pays; answers the unit's hash
//   units                 how many units the node has
//   sequence UNIT         good, temp-bad, final-bad or none
//   quit
//
// The first line on stdout is "ready URL GENESIS WITNESS", each further one "ok …" or "error …". It ends with its stdin.
'use strict';
const crypto = require('crypto');
const path = require('path');
const readline = require('readline');
const { createRequire } = require('module');

const say = line => process.stdout.write(line + '\n');
console.log = () => {}; // the node tells there all it does

const dir = process.argv[2];
process.env.HOME = dir; // its data and database go to .config below
const modules = process.env.IOTVERSE_NODE_MODULES;
const core = createRequire(path.join(modules, 'byteballcore', 'package.json'));

// Constants of the network, before anything reads them. The rules that came with an upgrade hold from the start.
const constants = core('./constants.js');
Object.assign(constants, { COUNT_WITNESSES: 1, MAJORITY_OF_WITNESSES: 1, MAX_WITNESS_LIST_MUTATIONS: 0 });
for (const name of Object.keys(constants))
  if (name.endsWith('UpgradeMci')) constants[name] = 0;

// A free port of 127.0.0.1: the node itself would listen on all addresses.
const ws = core('ws');
const Server = ws.Server;
let url;
const listening = new Promise(resolve => {
  ws.Server = function () {
    const server = new Server({ host: '127.0.0.1', port: 0 }, () => {
      url = 'ws://127.0.0.1:' + server._server.address().port;
      resolve();
    });
    return server;
  };
});

const conf = core('./conf.js');
Object.assign(conf, { port: 1, WS_PROTOCOL: 'ws://', bServeAsHub: true, bWantNewPeers: false });

const objectHash = core('./object_hash.js');
const objectLength = core('./object_length.js');
const signature = core('./signature.js');
const key = crypto.randomBytes(32);
const definition = ['sig', { pubkey: core('secp256k1').publicKeyCreate(key, true).toString('base64') }];
const witness = objectHash.getChash160(definition);

// The witness's first unit, which makes all the money and gives it to him.
function makeGenesis() {
  const payment = { inputs: [{ type: 'issue', serial_number: 1, amount: constants.TOTAL_WHITEBYTES }], outputs: [{ address: witness, amount: 0 }] };
  const message = { app: 'payment', payload_location: 'inline', payload_hash: '-'.repeat(44), payload: payment };
  const author = { address: witness, authentifiers: { r: '-'.repeat(88) }, definition };
  const unit = { version: constants.version, alt: constants.alt, witnesses: [witness], messages: [message], authors: [author] };
  unit.headers_commission = objectLength.getHeadersSize(unit);
  unit.payload_commission = objectLength.getTotalPayloadSize(unit);
  payment.outputs[0].amount = constants.TOTAL_WHITEBYTES - unit.headers_commission - unit.payload_commission;
  message.payload_hash = objectHash.getBase64Hash(payment);
  author.authentifiers.r = signature.sign(objectHash.getUnitHashToSign(unit), key);
  unit.unit = objectHash.getUnitHash(unit);
  unit.timestamp = Math.round(Date.now() / 1000);
  return { unit, ball: objectHash.getBallHash(unit.unit) };
}
const genesis = makeGenesis();
constants.GENESIS_UNIT = genesis.unit.unit;

const db = core('./db.js');
const composer = core('./composer.js');

// save validates the genesis like any unit and keeps it.
function save(joint) {
  return new Promise((resolve, reject) => {
    const refuse = err => reject(new Error(JSON.stringify(err)));
    core('./validation.js').validate(joint, {
      ifUnitError: refuse, ifJointError: refuse, ifTransientError: refuse, ifNeedHashTree: refuse, ifNeedParentUnits: refuse,
      ifOk: (state, unlock) => core('./writer.js').saveJoint(joint, state, null, () => { unlock(); resolve(); }),
    });
  });
}

const signer = {
  readSigningPaths: (conn, address, done) => done({ r: 88 }),
  readDefinition: (conn, address, done) => done(null, definition),
  readPrivateKey: (address, path, done) => done(null, key),
};

// pay posts a unit of the witness. Each one makes older units stable, whatever it pays.
function pay(outputs) {
  return new Promise((resolve, reject) => {
    const refuse = err => reject(new Error(err));
    const callbacks = composer.getSavingCallbacks({
      ifError: refuse, ifNotEnoughFunds: refuse,
      ifOk: joint => { core('./network.js').broadcastJoint(joint); resolve(joint.unit.unit); },
    });
    const change = { address: witness, amount: 0 };
    composer.composeJoint({ paying_addresses: [witness], outputs: [change, ...outputs], spend_unconfirmed: 'all', signer, callbacks });
  });
}

const query = (sql, params) => new Promise(resolve => db.query(sql, params, resolve));

const commands = {
  async witness(count) {
    let last;
    for (let i = 0; i < Number(count); i++) last = await pay([]);
    return last;
  },
  fund: (address, amount) => pay([{ address, amount: Number(amount) }]),
  units: async () => (await query('SELECT COUNT(*) AS n FROM units', []))[0].n,
  async sequence(unit) {
    const rows = await query('SELECT sequence FROM units WHERE unit=?', [unit]);
    return rows.length ? rows[0].sequence : 'none';
  },
  quit: () => process.exit(0),
};

async function main() {
  await save(genesis);
  await new Promise(resolve => core('./my_witnesses.js').insertWitnesses([witness], resolve));
  core('./network.js'); // listens from now on
  await listening;
  say(`ready ${url} ${genesis.unit.unit} ${witness}`);
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const [name, ...args] = line.split(' ');
    try {
      if (!commands[name]) throw new Error('no command ' + name);
      say('ok ' + await commands[name](...args));
    } catch (err) {
      say('error ' + String(err.message || err).replace(/\s+/g, ' '));
    }
  }
  process.exit(0);
}

main().catch(err => { console.error(err); process.exit(1); });
