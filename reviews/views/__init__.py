"""The pages of the room of reviews, and what it adds to the pages of others."""
