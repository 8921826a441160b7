"""Every text of the pages, English and Chinese side by side, a module for each family of pages."""
