"""The embedded speech models: what they are (`pinned`), what is on disk (`folder`), how they get there (`fetch`)."""
