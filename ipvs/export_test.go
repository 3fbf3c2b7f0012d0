package ipvs

// NetmaskToKernel is for a test that speaks to the kernel by other means.
func NetmaskToKernel(h Header) uint32 { return h.netmaskToKernel() }
