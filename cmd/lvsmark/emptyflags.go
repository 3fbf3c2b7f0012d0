package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// probeOptionsFlag takes a list of flags, which may be empty.
const probeOptionsFlag = "probe-options"

// noEmptyFlags refuses a flag with an empty value, as a script gives it whose variable is not set:
// the verb would do the same as without the flag, for example render all real servers.
func noEmptyFlags(cmd *cobra.Command) (err error) {
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if isEmpty(f.Value) && f.Name != probeOptionsFlag && err == nil {
			err = usageErrorf(cmd, "--%s is empty: give a value, or leave the flag out", f.Name)
		}
	})
	return err
}

func isEmpty(value pflag.Value) bool {
	if list, ok := value.(pflag.SliceValue); ok {
		return len(list.GetSlice()) == 0
	}
	return value.Type() == "string" && value.String() == "" // another type checks its values itself
}
