// Package network is how people stand to each other. For now that is blocks: whoever blocks somebody is
// left alone by them, everywhere, and the blocked can not tell.
//
// It promises that once a block is acknowledged, nothing of the blocked reaches the blocker that was not
// there before, by whichever way. One thing is left: in a conversation with others, whoever edits a message
// from before the block has its new text shown where the old one was. Refusing that would tell of the block.
//
// Owns: Block.
package network
