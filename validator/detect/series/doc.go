// Package series holds what the sensors of one network sent, as streams cut into batches, and runs it through package
// detect in order of time. It is pure.
//
// It leaves out reading files and rating (package rate) and spoiling (package inject), which both build on it.
package series
