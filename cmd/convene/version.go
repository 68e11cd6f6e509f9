package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is set by the build of a release: -ldflags "-X main.version=…".
var version string

type versionCommand struct{}

// Run prints which Convene this is.
func (versionCommand) Run() error {
	_, err := fmt.Printf("convene %s, %s %s/%s\n", release(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

// release is the version of a release, else the revision that Go noted when it built, else dev.
func release() string {
	revision := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				revision = s.Value
			}
		}
	}
	return cmp.Or(version, revision, "dev")
}
