"""What reads records on: subscriptions, projectors, replay and the comparison of views."""
