"""What can happen: the events, the topics they live on, and the bytes they travel as."""
