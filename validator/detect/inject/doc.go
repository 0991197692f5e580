// Package inject puts known faults into clean series of sensors, for training the judge of package detect. Places, kinds
// and sizes are drawn from a seed: the same seed gives the same case. Sizes are told by the sensor's own steps and its
// scatter against the network, so that any quantity will do; changed values keep to values that the sensor gives. It leaves
// out reading files; the command train calls it.
package inject
