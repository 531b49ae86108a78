"""What messages say, to be read and tried out: the templates in force and their variables."""
