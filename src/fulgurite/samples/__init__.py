"""Sample programs in other languages, filled in with the parameters of a user."""
