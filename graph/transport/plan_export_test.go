package transport

// PlanKey is what the tests ask for without a hub.
var PlanKey = planKey
