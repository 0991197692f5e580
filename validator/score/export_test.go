package score

// What the tests of the arithmetic need to see.
var (
	Ln  = ln
	Exp = exp
)
