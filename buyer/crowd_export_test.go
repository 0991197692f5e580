package buyer

// Crowds is crowds.
var Crowds = crowds
