// Package rate measures how well false batches are told from clean ones: it reads labelled cases, runs them through package
// detect in order of time, and makes a table of the area under the ROC curve and of the share found at one false alarm in a
// hundred, type by type. The command train and the benchmark of the fault cases call it.
package rate
