// Package tree grows and evaluates boosted decision trees that tell false batches from clean ones. Features are cut into 64
// bins, trees are complete and of one depth, the loss is logistic. The same rows and Config give the same bytes on every
// machine. It leaves out what the features mean; package detect calls it to judge, and the command train to grow.
package tree
