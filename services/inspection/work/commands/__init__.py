"""Planning, handing on, reporting and submitting the work on problems."""
