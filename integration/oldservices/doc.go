// Package oldservices compares answers of verify with IPVS: connections are sent through
// services as people have them, in several languages, and through a spec.
package oldservices
