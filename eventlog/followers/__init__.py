"""What carries records on: subscriptions, projectors, replay and the comparison of views."""
