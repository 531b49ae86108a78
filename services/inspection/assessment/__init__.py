"""Assessment sheets (考核自查): process and result part, each item against its strictest rule."""
