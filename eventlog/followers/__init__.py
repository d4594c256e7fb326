"""What follows the journal: subscriptions, projectors, replay and the comparison of views."""
