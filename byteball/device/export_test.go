package device

// EncryptRaw encrypts a text that need not be a message.
var EncryptRaw = encrypt
