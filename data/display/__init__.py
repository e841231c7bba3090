"""What all commands show with: escaped text, the terminal, figures, pages."""
