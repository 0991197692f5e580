package score

func (w *window) novelty(in Input) float64 { return dropped }
