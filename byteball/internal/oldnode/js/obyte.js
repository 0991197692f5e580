// The npm client obyte 0.1.24 at a hub. Arguments: the hub's URL, empty if none is asked, and a JSON list of calls
// [method, parameters…]. Answers one JSON line a call: {"result": …} or {"error": …}. The method validateSignedMessage is
// the library's own, all others ask the hub.
'use strict';
const path = require('path');
const obyte = require(path.join(process.env.IOTVERSE_NODE_MODULES, 'obyte'));

const [url, list] = process.argv.slice(2);
const client = url && new obyte.Client(url, { closeIfError: true });

async function main() {
  for (const [method, ...params] of JSON.parse(list)) {
    let answer;
    try {
      const result = method === 'validateSignedMessage' ? obyte.utils[method](...params) : await client.api[method](...params);
      answer = { result };
    } catch (error) {
      answer = { error: String(error.message || error) };
    }
    console.log(JSON.stringify(answer));
  }
  if (client) client.close();
}

main().catch(err => { console.error(err); process.exit(1); });
