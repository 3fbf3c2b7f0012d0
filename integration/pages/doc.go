// Package pages executes the commands of the pages of docs: the tutorial in a kernel with
// IPVS, the others in any kernel.
package pages
