"""Task calendars (倒排工期): what is to be done in a year, until which day, by whom."""
