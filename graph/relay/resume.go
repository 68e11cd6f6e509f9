package relay

// What every subscription with cursors may deliver besides updates.

// CursorMoved tells that the position has moved on and nothing else.
type CursorMoved struct {
	Cursor string
}

// ResyncRequired tells the client to fetch anew.
type ResyncRequired struct {
	Reason ResyncReason
	Cursor string
}

// ResyncReason is why a client has to fetch anew.
type ResyncReason string

// The unions that they are members of.
func (*CursorMoved) IsConversationUpdate()    {}
func (*ResyncRequired) IsConversationUpdate() {}
func (*CursorMoved) IsUpdate()                {}
func (*ResyncRequired) IsUpdate()             {}
