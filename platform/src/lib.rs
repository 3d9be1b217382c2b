//! The oldiron PC as a library.
