"""What households knows of other services' facts: the problems that inspection keeps."""
