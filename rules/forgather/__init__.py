"""Rules on Forgather's templates and projects (FGL6xx)."""
