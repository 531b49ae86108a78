"""The work on a problem: plan, delegation, progress, own checks, the report that it is done."""
