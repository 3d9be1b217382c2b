//! The system and VGA BIOS of the oldiron PC: ROM images and their symbol maps.
