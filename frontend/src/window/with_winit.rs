//! A window by winit, drawn by softbuffer.
//!
//! Keys are physical ones, whatever layout the host has. winit wants to own the program's loop; here it is
//! pumped, as the run loop drives itself.
//!
//! While the pointer is captured, its own movements count (`CursorGrabMode::Locked`, else `Confined`). Not under X11:
//! winit takes all that a device reports there for movements, also the positions of tablets,
//! virtual machines and remote desktops, so [`X11Pointer`] does it.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use softbuffer::{Context, Surface};
use winit::{
    application::ApplicationHandler,
    dpi::{PhysicalPosition, PhysicalSize},
    event::{DeviceEvent, DeviceId, ElementState, KeyEvent, MouseButton, MouseScrollDelta, WindowEvent},
    event_loop::{ActiveEventLoop, ControlFlow, EventLoop, OwnedDisplayHandle},
    keyboard::{Key, PhysicalKey},
    monitor::MonitorHandle,
    platform::pump_events::{EventLoopExtPumpEvents, PumpStatus},
    window::{CursorGrabMode, Fullscreen, Window, WindowId},
};

#[cfg(all(unix, not(target_os = "macos")))]
use super::pointer_x11::X11Pointer;
use super::{
    HEIGHT, WIDTH,
    toolkit::{Event, LEFT, MIDDLE, PointerEvent, RIGHT, Toolkit, no_window},
    winit_keys::key_code,
};
use crate::outcome::Failure;

/// Pixels of a touch pad that are a notch of a wheel.
const PIXELS_OF_A_NOTCH: f64 = 40.0;

/// What a title bar takes, at the most.
const FRAME_HEIGHT: u32 = 64;

type Screen = Surface<OwnedDisplayHandle, Arc<Window>>;

/// What winit calls back.
struct App {
    display: OwnedDisplayHandle,
    /// The window and what is drawn on, once there is one.
    shown: Option<(Arc<Window>, Screen)>,
    error: Option<String>,
    events: Vec<Event>,
    /// Our own connection has the pointer: what winit says of it is not needed.
    pointer_elsewhere: bool,
    captured: bool,
    /// Parts of pixels and of notches that were not reported yet.
    moved: [Whole; 2],
    wheel: Whole,
}

/// Sums fractions up, and hands out whole numbers.
#[derive(Clone, Copy, Default)]
struct Whole(f64);

impl Whole {
    fn add(&mut self, part: f64) -> i32 {
        // Nothing that moves is as far as this; not a number becomes 0.
        self.0 = (self.0 + part).clamp(-1e6, 1e6);
        let whole = self.0.trunc();
        self.0 -= whole;
        whole as i32
    }
}

impl App {
    fn create(&self, event_loop: &ActiveEventLoop) -> Result<(Arc<Window>, Screen), String> {
        let attributes = Window::default_attributes()
            .with_title("oldiron")
            .with_inner_size(PhysicalSize::new(WIDTH as u32, HEIGHT as u32));
        let window = event_loop.create_window(attributes);
        let window = Arc::new(window.map_err(|error| error.to_string())?);
        // Dots stay whole: a screen of fine pixels gets a whole multiple of the window.
        let scale = window.scale_factor().round().max(1.0) as u32;
        if scale > 1 {
            let _ = window.request_inner_size(PhysicalSize::new(WIDTH as u32 * scale, HEIGHT as u32 * scale));
        }
        let context = Context::new(self.display.clone()).map_err(|error| error.to_string())?;
        let screen = Surface::new(&context, Arc::clone(&window)).map_err(|error| error.to_string())?;
        Ok((window, screen))
    }

    fn key(&mut self, event: &KeyEvent) {
        let down = event.state == ElementState::Pressed;
        let code = match event.physical_key {
            PhysicalKey::Code(code) => key_code(code),
            PhysicalKey::Unidentified(_) => None,
        };
        let letter = match &event.logical_key {
            Key::Character(text) => text.chars().next(),
            _ => None,
        };
        match (code, &event.text) {
            (Some(code), _) => self.events.push(Event::Key { code, letter, down }),
            (None, Some(text)) if down => self.events.extend(text.chars().map(Event::Char)),
            _ => {}
        }
    }

    fn pointer(&mut self, event: PointerEvent) {
        if !self.pointer_elsewhere {
            self.events.push(Event::Pointer(event));
        }
    }
}

impl ApplicationHandler for App {
    fn resumed(&mut self, event_loop: &ActiveEventLoop) {
        if self.shown.is_none() {
            match self.create(event_loop) {
                Ok(shown) => self.shown = Some(shown),
                Err(error) => self.error = Some(error),
            }
        }
    }

    fn window_event(&mut self, _: &ActiveEventLoop, _: WindowId, event: WindowEvent) {
        match event {
            // Keys that were down before the window got the keyboard are not meant for the guest.
            WindowEvent::KeyboardInput {
                event, is_synthetic, ..
            } if !(is_synthetic && event.state == ElementState::Pressed) => self.key(&event),
            WindowEvent::MouseInput { state, button, .. } => {
                let button = match button {
                    MouseButton::Left => LEFT,
                    MouseButton::Right => RIGHT,
                    MouseButton::Middle => MIDDLE,
                    _ => return,
                };
                self.pointer(PointerEvent::Button(button, state == ElementState::Pressed));
            }
            WindowEvent::MouseWheel { delta, .. } => {
                let up = match delta {
                    MouseScrollDelta::LineDelta(_, lines) => lines.into(),
                    MouseScrollDelta::PixelDelta(pixels) => pixels.y / PIXELS_OF_A_NOTCH,
                };
                let notches = self.wheel.add(-up).clamp(-8, 8) as i8;
                if notches != 0 {
                    self.pointer(PointerEvent::Wheel(notches));
                }
            }
            WindowEvent::Focused(focused) => self.events.push(Event::Focus(focused)),
            WindowEvent::RedrawRequested | WindowEvent::Resized(_) | WindowEvent::Occluded(false) => {
                self.events.push(Event::Exposed);
            }
            WindowEvent::CloseRequested | WindowEvent::Destroyed => self.events.push(Event::Close),
            _ => {}
        }
    }

    fn device_event(&mut self, _: &ActiveEventLoop, _: DeviceId, event: DeviceEvent) {
        if let DeviceEvent::MouseMotion { delta } = event
            && self.captured
        {
            let (dx, dy) = (self.moved[0].add(delta.0), self.moved[1].add(delta.1));
            if (dx, dy) != (0, 0) {
                self.pointer(PointerEvent::Moved(dx, dy));
            }
        }
    }
}

/// The window.
pub struct Winit {
    event_loop: EventLoop<()>,
    app: App,
    window: Arc<Window>,
    #[cfg(all(unix, not(target_os = "macos")))]
    x11: Option<X11Pointer>,
}

impl Winit {
    /// Opens it. Once in a process, and on its first thread.
    pub fn open() -> Result<Self, Failure> {
        check_libraries()?;
        let event_loop = EventLoop::new().map_err(|error| no_window(message(&error.to_string())))?;
        event_loop.set_control_flow(ControlFlow::Poll);
        let app = App {
            display: event_loop.owned_display_handle(),
            shown: None,
            error: None,
            events: Vec::new(),
            pointer_elsewhere: false,
            captured: false,
            moved: Default::default(),
            wheel: Whole::default(),
        };
        Self::create(event_loop, app)
    }

    fn create(mut event_loop: EventLoop<()>, mut app: App) -> Result<Self, Failure> {
        // The first event is that there can be windows now.
        event_loop.pump_app_events(Some(Duration::ZERO), &mut app);
        let Some((window, _)) = &app.shown else {
            return Err(no_window(
                app.error.as_deref().map_or("it does not appear", message),
            ));
        };
        let window = Arc::clone(window);
        #[cfg(all(unix, not(target_os = "macos")))]
        let x11 = x11_pointer(&window);
        #[cfg(all(unix, not(target_os = "macos")))]
        (app.pointer_elsewhere = x11.is_some());
        Ok(Self {
            event_loop,
            app,
            window,
            #[cfg(all(unix, not(target_os = "macos")))]
            x11,
        })
    }
}

impl Winit {
    /// Moves the window so that none of it is beyond the lower right corner of the screen.
    fn keep_inside(&self, monitor: &MonitorHandle, size: PhysicalSize<u32>) {
        // Not every desktop tells where windows are.
        let Ok(at) = self.window.outer_position() else {
            return;
        };
        let corner = monitor.position();
        let most =
            |corner: i32, whole: u32, part: u32| corner.saturating_add(whole.saturating_sub(part) as i32);
        let x = at.x.min(most(corner.x, monitor.size().width, size.width));
        let y =
            at.y.min(most(corner.y, monitor.size().height, size.height + FRAME_HEIGHT));
        if (x, y) != (at.x, at.y) {
            self.window.set_outer_position(PhysicalPosition::new(x, y));
        }
    }
}

/// What an error of winit says to people: without the line of its source that it comes from.
fn message(error: &str) -> &str {
    let source = error
        .split_once(".rs:")
        .and_then(|(_, line)| line.split_once(": "));
    source.map_or(error, |(_, message)| message)
}

/// winit panics where these cannot be loaded.
fn check_libraries() -> Result<(), Failure> {
    #[cfg(all(unix, not(target_os = "macos")))]
    {
        use xkbcommon_dl::{x11::xkbcommon_x11_option, xkbcommon_option};
        if xkbcommon_option().is_none() || xkbcommon_x11_option().is_none() {
            return Err(no_window(
                "libxkbcommon.so.0 or libxkbcommon-x11.so.0 is missing (Debian: libxkbcommon-x11-0)",
            ));
        }
    }
    Ok(())
}

/// Our own connection to the server that shows `window`.
#[cfg(all(unix, not(target_os = "macos")))]
fn x11_pointer(window: &Window) -> Option<X11Pointer> {
    use winit::raw_window_handle::{HasWindowHandle, RawWindowHandle};
    let RawWindowHandle::Xlib(handle) = window.window_handle().ok()?.as_raw() else {
        return None;
    };
    let opened = X11Pointer::open(handle.window as u32);
    opened
        .inspect_err(|error| log::info!(target: "host::window", "winit has the pointer: {error}"))
        .ok()
}

impl Toolkit for Winit {
    fn poll(&mut self, events: &mut Vec<Event>) -> Result<(), Failure> {
        #[cfg(all(unix, not(target_os = "macos")))]
        if let Some(x11) = &mut self.x11 {
            events.extend(x11.poll().into_iter().map(Event::Pointer));
        }
        let status = self
            .event_loop
            .pump_app_events(Some(Duration::ZERO), &mut self.app);
        events.append(&mut self.app.events);
        if matches!(status, PumpStatus::Exit(_)) {
            events.push(Event::Close);
        }
        Ok(())
    }

    fn size(&self) -> (usize, usize) {
        let size = self.window.inner_size();
        (size.width as usize, size.height as usize)
    }

    fn draw(&mut self, pixels: &[u32], (width, height): (usize, usize)) -> Result<(), Failure> {
        let (Some(columns), Some(rows)) = (NonZeroU32::new(width as u32), NonZeroU32::new(height as u32))
        else {
            return Ok(());
        };
        let Some((_, screen)) = &mut self.app.shown else {
            return Ok(());
        };
        let drawn = screen.resize(columns, rows).and_then(|()| {
            let mut buffer = screen.buffer_mut()?;
            if let Some(buffer) = buffer.get_mut(..pixels.len()) {
                buffer.copy_from_slice(pixels);
            }
            buffer.present()
        });
        drawn.map_err(|error| Failure::host_io(format!("cannot draw in the window: {error}")))
    }

    fn set_title(&mut self, title: &str) {
        self.window.set_title(title);
    }

    fn capture(&mut self) -> bool {
        #[cfg(all(unix, not(target_os = "macos")))]
        if let Some(x11) = &mut self.x11 {
            return x11.grab();
        }
        let grab = |mode| self.window.set_cursor_grab(mode);
        self.app.captured = grab(CursorGrabMode::Locked)
            .or_else(|_| grab(CursorGrabMode::Confined))
            .is_ok();
        self.window.set_cursor_visible(!self.app.captured);
        self.app.captured
    }

    fn release(&mut self) {
        #[cfg(all(unix, not(target_os = "macos")))]
        if let Some(x11) = &mut self.x11 {
            return x11.ungrab();
        }
        self.app.captured = false;
        // A window that has gone has no pointer to give back.
        let _ = self.window.set_cursor_grab(CursorGrabMode::None);
        self.window.set_cursor_visible(true);
    }

    fn grow(&mut self, (width, height): (usize, usize)) {
        let Some(monitor) = self.window.current_monitor() else {
            return;
        };
        let whole = self.window.scale_factor().round().max(1.0) as u32;
        // The frame has its place, too, and so have the desktop's bars.
        let fits = |size: PhysicalSize<u32>| {
            size.width <= monitor.size().width && size.height + FRAME_HEIGHT <= monitor.size().height
        };
        let sizes = [whole, 1].map(|by| PhysicalSize::new(width as u32 * by, height as u32 * by));
        if let Some(&size) = sizes.iter().find(|&&size| fits(size)) {
            let _ = self.window.request_inner_size(size);
            self.keep_inside(&monitor, size);
        }
    }

    fn set_full_screen(&mut self, full: bool) {
        let screen = full.then_some(Fullscreen::Borderless(None));
        self.window.set_fullscreen(screen);
    }

    fn full_screen(&self) -> Option<bool> {
        Some(self.window.fullscreen().is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_told_without_their_place_in_the_source() {
        let error = "os error at /src/platform_impl/linux/mod.rs:788: Failed to open connection to X server";
        assert_eq!(message(error), "Failed to open connection to X server");
        assert_eq!(message("not supported"), "not supported");
    }

    #[test]
    fn fractions_of_movements_and_notches_add_up() {
        let mut sum = Whole::default();
        let steps = [0.5, 0.25, 0.5, -2.5, 0.25, 1.0];
        assert_eq!(steps.map(|step| sum.add(step)), [0, 0, 1, -2, 0, 1]);
        assert_eq!(sum.add(f64::NAN), 0);
        assert_eq!(Whole::default().add(f64::INFINITY), 1_000_000);
    }
}
