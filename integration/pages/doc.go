// Package pages executes the commands of README.md and of the pages of docs, and compares their
// output: on the director of a lab with IPVS and its own systemd, in a lab with an FTP server, or
// in a network namespace. The pages are listed in package page.
package pages
