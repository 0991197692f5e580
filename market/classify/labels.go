package classify

// Sure is how many ‰ of confidence make a word of a title count as said: more than what is merely usual for a kind.
const Sure = 640

// Labels are the medium and the role that a title says in so many words, "" for none; a role that goes without saying
// (Measured) is none.
func Labels(title string) (medium, role string) {
	c := Classify(Evidence{Title: title, Terse: true})
	if c.Medium.Confidence >= Sure {
		medium = c.Medium.Value
	}
	if c.Role.Confidence >= Sure && c.Role.Value != Measured {
		role = c.Role.Value
	}
	return medium, role
}
