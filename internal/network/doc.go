// Package network is how people stand to each other. For now that is blocks: whoever blocks somebody is
// left alone by them, everywhere, and the blocked can not tell.
//
// It promises that once a block is acknowledged, nothing of the blocked reaches the blocker that was not
// there before, by whichever way.
//
// Owns: Block.
package network
