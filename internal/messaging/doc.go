// Package messaging is conversations and messages: sending, reading, editing, deleting, the inbox, and
// each conversation's stream of updates.
//
// It promises:
//   - An acknowledged message is on disk, and a retry with the same key answers the same message.
//   - Numbers in a conversation follow the order of commits: whoever takes one holds the conversation's
//     row until the commit. Each message, edit and deletion takes one; so do the hidden entries that draw
//     and lift curtains. Numbers may have holes.
//   - What a person may not see they do not get, by whichever way they ask: history, inbox, count of
//     unread, reply, and update apply the same rules.
//
// Owns: Conversation, ConversationMember, Message, ConversationEntry, Curtain.
package messaging
