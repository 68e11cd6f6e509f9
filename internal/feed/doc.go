// Package feed is one stream for each person, of everything that changes for them: one socket and one cursor for a
// whole app.
//
// It promises:
//   - An update says that something has changed and shows it as it is at that moment, live and replayed alike. Of
//     what has changed several times only the last counts, so a week away is as many updates as things that
//     changed. Never an older state after a newer one.
//   - What the person may no longer see arrives as gone.
//   - Who subscribes without a cursor is given one before anything else: what is fetched after that lacks nothing.
//   - Feeds are written by the consumer of facts that is called feed, and by nobody else: no change waits for them.
//
// What changes for whom, and how it is shown, is for the slices to say: they call [Service.Follow] and
// [Service.Show] when they are made.
//
// Owns: nothing.
package feed
