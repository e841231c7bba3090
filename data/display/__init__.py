"""What all commands show with: escaped text, the terminal, tables, figures, pages."""
