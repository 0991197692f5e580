package utim

// Decode is what Open does with the bytes of a file.
var Decode = decode
