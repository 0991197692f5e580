package event

// Constants are what the search varies.
type Constants = constants

// Standard are those in use.
var Standard = standard

// Build returns a Scorer with other constants.
func Build(c Constants) *Scorer { return build(c) }
