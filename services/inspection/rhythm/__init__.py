"""Rhythm (工作节奏): main leaders study weekly, deputies patrol daily, and who did not."""
