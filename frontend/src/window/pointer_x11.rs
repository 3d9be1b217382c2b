//! The pointer under X11, over a connection of our own to the server.
//!
//! A passive grab of the left button on the window brings the click that captures; an active grab then
//! brings every movement and every button with its own event, wherever the pointer goes, and hides it.
//! At an edge of the screen the pointer is put back into the middle, so that it never
//! stops. (X Window System Protocol, "GrabButton", "GrabPointer", "WarpPointer".)

use x11rb::{
    connection::Connection,
    errors::ReplyOrIdError,
    protocol::{
        Event,
        xproto::{
            ButtonIndex, ConnectionExt, CreateGCAux, Cursor, EventMask, GrabMode, GrabStatus, ModMask,
            MotionNotifyEvent, Rectangle, Window,
        },
    },
    rust_connection::RustConnection,
};

use super::toolkit::{LEFT, MIDDLE, PointerEvent, RIGHT};

/// What a grab brings.
fn wanted_events() -> EventMask {
    EventMask::BUTTON_PRESS | EventMask::BUTTON_RELEASE | EventMask::POINTER_MOTION
}

/// The server's pointer.
pub struct X11Pointer {
    connection: RustConnection,
    root: Window,
    screen: (i16, i16),
    window: Window,
    invisible: Cursor,
    grabbed: bool,
    /// Where it was last, on the screen.
    at: (i16, i16),
    /// Where it will be when the server has put it there.
    put_to: Option<(i16, i16)>,
}

impl X11Pointer {
    /// Connects to the server that shows `window`.
    pub fn open(window: Window) -> Result<Self, ReplyOrIdError> {
        let (connection, screen) =
            x11rb::connect(None).map_err(|_| x11rb::errors::ConnectionError::UnknownError)?;
        let screen = &connection.setup().roots[screen];
        let (root, size) = (
            screen.root,
            (screen.width_in_pixels as i16, screen.height_in_pixels as i16),
        );
        let invisible = invisible_cursor(&connection, root)?;
        connection
            .grab_button(
                false,
                window,
                wanted_events(),
                GrabMode::ASYNC,
                GrabMode::ASYNC,
                x11rb::NONE,
                x11rb::NONE,
                ButtonIndex::M1,
                ModMask::ANY,
            )?
            .check()?;
        Ok(Self {
            connection,
            root,
            screen: size,
            window,
            invisible,
            grabbed: false,
            at: (0, 0),
            put_to: None,
        })
    }

    /// What it did since the last call.
    pub fn poll(&mut self) -> Vec<PointerEvent> {
        let mut events = Vec::new();
        // An error would be the end of the server, which the window notices.
        while let Ok(Some(event)) = self.connection.poll_for_event() {
            match event {
                Event::ButtonPress(press) => {
                    if !self.grabbed {
                        self.at = (press.root_x, press.root_y);
                    }
                    events.extend(button(press.detail, true));
                }
                Event::ButtonRelease(release) => events.extend(button(release.detail, false)),
                Event::MotionNotify(motion) if self.grabbed => events.extend(self.moved(&motion)),
                _ => {}
            }
        }
        events
    }

    fn moved(&mut self, motion: &MotionNotifyEvent) -> Option<PointerEvent> {
        let to = (motion.root_x, motion.root_y);
        let distance = |from: (i16, i16)| to.0.abs_diff(from.0).max(to.1.abs_diff(from.1));
        if let Some(target) = self.put_to.filter(|&target| distance(target) < distance(self.at)) {
            self.put_to = None;
            self.at = target;
        }
        let (dx, dy) = (
            i32::from(to.0) - i32::from(self.at.0),
            i32::from(to.1) - i32::from(self.at.1),
        );
        self.at = to;
        let inside = |at: i16, size: i16| (1..size - 1).contains(&at);
        if self.put_to.is_none() && !(inside(to.0, self.screen.0) && inside(to.1, self.screen.1)) {
            let (x, y) = (self.screen.0 / 2, self.screen.1 / 2);
            let put = self
                .connection
                .warp_pointer(x11rb::NONE, self.root, 0, 0, 0, 0, x, y);
            self.put_to = put.is_ok().then_some((x, y));
            self.flush();
        }
        ((dx, dy) != (0, 0)).then_some(PointerEvent::Moved(dx, dy))
    }

    /// Takes the pointer. Whether the server gave it.
    pub fn grab(&mut self) -> bool {
        let reply = self
            .connection
            .grab_pointer(
                false,
                self.window,
                wanted_events(),
                GrabMode::ASYNC,
                GrabMode::ASYNC,
                x11rb::NONE,
                self.invisible,
                x11rb::CURRENT_TIME,
            )
            .map(|cookie| cookie.reply());
        self.put_to = None;
        self.grabbed = matches!(reply, Ok(Ok(reply)) if reply.status == GrabStatus::SUCCESS);
        self.grabbed
    }

    /// Gives it back.
    pub fn ungrab(&mut self) {
        self.grabbed = false;
        let _ = self.connection.ungrab_pointer(x11rb::CURRENT_TIME);
        self.flush();
    }

    fn flush(&self) {
        // As in `poll`.
        let _ = self.connection.flush();
    }
}

/// A button of the server's numbering; 4 and 5 are the wheel, which comes as presses.
fn button(number: u8, down: bool) -> Option<PointerEvent> {
    match number {
        1 => Some(PointerEvent::Button(LEFT, down)),
        2 => Some(PointerEvent::Button(MIDDLE, down)),
        3 => Some(PointerEvent::Button(RIGHT, down)),
        4 if down => Some(PointerEvent::Wheel(-1)),
        5 if down => Some(PointerEvent::Wheel(1)),
        _ => None,
    }
}

/// A cursor of one transparent dot.
fn invisible_cursor(connection: &RustConnection, root: Window) -> Result<Cursor, ReplyOrIdError> {
    let (dot, context, cursor) = (
        connection.generate_id()?,
        connection.generate_id()?,
        connection.generate_id()?,
    );
    connection.create_pixmap(1, dot, root, 1, 1)?;
    connection.create_gc(context, dot, &CreateGCAux::new().foreground(0))?;
    let all = Rectangle {
        x: 0,
        y: 0,
        width: 1,
        height: 1,
    };
    connection.poly_fill_rectangle(dot, context, &[all])?;
    connection
        .create_cursor(cursor, dot, dot, 0, 0, 0, 0, 0, 0, 0, 0)?
        .check()?;
    connection.free_gc(context)?;
    connection.free_pixmap(dot)?;
    Ok(cursor)
}
