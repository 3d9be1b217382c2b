//! Sound through the host's sound card.
//!
//! Three threads take part. The run makes samples from the speaker's edges and pushes them into a
//! lock-free ring; the card's own thread pulls them out; a third opens the card, which may take its
//! time, and opens it again when it was lost. Nobody waits for anybody: samples that the card does not take
//! in time are dropped, and samples that do not come are silence.
//!
//! The guest's clock and the card's are never equal. As long as they differ by less than a percent, samples
//! are made a little wider or narrower, so that the ring stays about [`TARGET_MILLIS`] full; while the
//! speaker is at rest, silence is left out instead. The card is opened with the first edge and
//! closed after some seconds of silence, so that a quiet guest costs nothing.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, Sender, SyncSender, TrySendError, channel, sync_channel},
    },
    thread,
    time::Duration,
};

use cpal::{
    ErrorKind, FromSample, SampleFormat, SizedSample, Stream,
    traits::{DeviceTrait, HostTrait, StreamTrait},
};
use oldiron_platform::{SpeakerEdge, TickRate, Ticks};
use rtrb::{Consumer, Producer, RingBuffer};

use super::synth::{PHASES, Synth};

/// How much the ring holds when all is well, when samples are dropped, and at most.
const TARGET_MILLIS: usize = 60;
const DROP_MILLIS: usize = 250;
const RING_MILLIS: usize = 1000;
/// How far the pitch is bent to follow the card's clock.
const MOST_STRETCH: f64 = 0.01;
/// Weight of the present fill in its mean.
const FILL_WEIGHT: f64 = 1.0 / 32.0;
/// The card is closed after so many seconds of silence.
const CLOSE_AFTER_SECONDS: u64 = 5;
/// What is played while the card is being opened is kept for so many guest seconds.
const PATIENCE_SECONDS: u64 = 1;
/// How long to wait before a lost card is looked for again.
const RETRY: Duration = Duration::from_secs(1);
/// How often the opener looks whether the card is still wanted and there.
const WATCH: Duration = Duration::from_millis(100);

/// A card that was opened.
struct Opened {
    ring: Producer<i16>,
    samples_per_second: u32,
}

/// The way to the sound card.
pub struct Live {
    rate: TickRate,
    /// Guest time so far.
    now: Ticks,
    /// Asks for the card. `None`: there is none.
    wish: Option<SyncSender<()>>,
    opened: Receiver<Opened>,
    voice: Option<Voice>,
    /// Edges since `backlog_from` that wait for the card.
    backlog: Vec<SpeakerEdge>,
    backlog_from: Ticks,
}

impl Live {
    /// The card is not touched before the first edge.
    pub fn new(rate: TickRate, start: Ticks) -> Self {
        let (wish, wishes) = sync_channel(1);
        let (sender, opened) = channel();
        let opener = thread::Builder::new().name("sound".to_owned());
        let running = opener.spawn(move || keep_open(&wishes, &sender));
        Self::waiting(rate, start, running.is_ok().then_some(wish), opened)
    }

    /// No card yet: `wish` asks for one, and it comes by `opened`.
    fn waiting(rate: TickRate, start: Ticks, wish: Option<SyncSender<()>>, opened: Receiver<Opened>) -> Self {
        Self {
            rate,
            now: start,
            wish,
            opened,
            voice: None,
            backlog: Vec::new(),
            backlog_from: start,
        }
    }

    /// The speaker's `edges`, all there are before `now`.
    pub fn follow(&mut self, edges: &[SpeakerEdge], now: Ticks) {
        let from = std::mem::replace(&mut self.now, now);
        if self.wish.is_none() {
            return;
        }
        if self.voice.as_ref().is_some_and(|voice| voice.ring.is_abandoned()) {
            self.voice = None;
        }
        if let Some(voice) = &mut self.voice {
            voice.play(edges, from, now);
            if voice.silent_samples > CLOSE_AFTER_SECONDS * u64::from(voice.samples_per_second) {
                self.voice = None;
            }
        } else if !edges.is_empty() || !self.backlog.is_empty() {
            self.wait_for_card(edges, from);
        }
    }

    fn wait_for_card(&mut self, edges: &[SpeakerEdge], from: Ticks) {
        let patience = self.rate.per_second() * PATIENCE_SECONDS;
        if self.backlog.is_empty() || self.now.saturating_sub(self.backlog_from) > patience {
            self.backlog.clear();
            self.backlog_from = from;
        }
        self.backlog.extend(edges);
        if let Ok(opened) = self.opened.try_recv() {
            let mut voice = Voice::new(opened, self.rate);
            voice.play(&std::mem::take(&mut self.backlog), self.backlog_from, self.now);
            self.voice = Some(voice);
            return;
        }
        let wished = self.wish.as_ref().map(|wish| wish.try_send(()));
        if matches!(wished, Some(Err(TrySendError::Disconnected(())))) {
            self.wish = None;
            self.backlog = Vec::new();
        }
    }
}

/// The run's end of an open card.
struct Voice {
    ring: Producer<i16>,
    samples_per_second: u32,
    rate: TickRate,
    synth: Synth,
    /// Where guest time is, in [`PHASES`] of a sample.
    position: f64,
    /// How many samples the ring holds, on average.
    fill: f64,
    silent_samples: u64,
    samples: Vec<i16>,
}

impl Voice {
    fn new(opened: Opened, rate: TickRate) -> Self {
        Self {
            ring: opened.ring,
            samples_per_second: opened.samples_per_second,
            rate,
            synth: Synth::new(),
            position: 0.0,
            fill: millis(TARGET_MILLIS, opened.samples_per_second) as f64,
            silent_samples: 0,
            samples: Vec::new(),
        }
    }

    fn in_ring(&self) -> usize {
        self.ring.buffer().capacity() - self.ring.slots()
    }

    /// How many samples to make where one is due: fewer when the ring is too full.
    fn stretch(&mut self) -> f64 {
        let target = millis(TARGET_MILLIS, self.samples_per_second) as f64;
        self.fill += (self.in_ring() as f64 - self.fill) * FILL_WEIGHT;
        1.0 - ((self.fill - target) / target * MOST_STRETCH).clamp(-MOST_STRETCH, MOST_STRETCH)
    }

    fn play(&mut self, edges: &[SpeakerEdge], from: Ticks, to: Ticks) {
        let per_second = f64::from(self.samples_per_second) * PHASES as f64 * self.stretch();
        // Time leaps when a saved state is restored.
        let ticks = to
            .saturating_sub(from)
            .min(self.rate.per_second() * PATIENCE_SECONDS * 2);
        let start = self.position;
        let at = |ticks: Ticks| start + ticks as f64 * per_second / self.rate.per_second() as f64;
        for edge in edges {
            let position = at(edge.at.saturating_sub(from).min(ticks)) as u64;
            self.synth.edge(position, edge.level, &mut self.samples);
        }
        self.position = at(ticks);
        let silent = edges.is_empty() && self.synth.is_silent();
        self.synth
            .run_to(self.position as u64 / PHASES, &mut self.samples);
        self.push(silent);
    }

    /// Hands the samples to the card, as many as it is sure to want.
    fn push(&mut self, silent: bool) {
        self.silent_samples = if silent {
            self.silent_samples + self.samples.len() as u64
        } else {
            0
        };
        let most = if silent { TARGET_MILLIS } else { DROP_MILLIS };
        let room = millis(most, self.samples_per_second).saturating_sub(self.in_ring());
        for sample in self.samples.drain(..).take(room) {
            if self.ring.push(sample).is_err() {
                break;
            }
        }
    }
}

fn millis(millis: usize, samples_per_second: u32) -> usize {
    samples_per_second as usize * millis / 1000
}

/// The opener's thread: holds the card while somebody wants it.
fn keep_open(wishes: &Receiver<()>, opened: &Sender<Opened>) {
    silence_alsa();
    let mut was_open = false;
    while wishes.recv().is_ok() {
        let ended = Arc::new(AtomicBool::new(false));
        match open(&ended) {
            Ok((stream, ring)) => {
                was_open = true;
                log::info!(target: "host::audio", "{} samples a second", ring.samples_per_second);
                if opened.send(ring).is_err() {
                    return;
                }
                while !ended.load(Ordering::Relaxed) {
                    thread::sleep(WATCH);
                }
                drop(stream);
            }
            Err(error) if was_open => {
                log::debug!(target: "host::audio", "no sound for now: {error}");
                thread::sleep(RETRY);
            }
            Err(error) => {
                log::warn!(target: "host::audio", "no sound: {error}");
                return;
            }
        }
    }
}

/// Opens the card and starts it. `ended` is set when it is lost or nobody plays any more.
fn open(ended: &Arc<AtomicBool>) -> Result<(Stream, Opened), String> {
    let device = cpal::default_host()
        .default_output_device()
        .ok_or("there is no sound card")?;
    let default = device
        .default_output_config()
        .map_err(|error| error.to_string())?;
    let format = default.sample_format();
    let config = default.config();
    let samples_per_second = config.sample_rate;
    if !(8_000..=768_000).contains(&samples_per_second) || config.channels == 0 {
        return Err(format!("the card wants {samples_per_second} samples a second"));
    }
    let (ring, from_ring) = RingBuffer::new(millis(RING_MILLIS, samples_per_second));
    let player = Player {
        ring: from_ring,
        enough: millis(TARGET_MILLIS, samples_per_second) * 2 / 3,
        channels: config.channels.into(),
        playing: false,
        last: 0,
        ended: Arc::clone(ended),
        quiet: false,
    };
    let build = match format {
        SampleFormat::I8 => start::<i8>,
        SampleFormat::I16 => start::<i16>,
        SampleFormat::I32 => start::<i32>,
        SampleFormat::I64 => start::<i64>,
        SampleFormat::U8 => start::<u8>,
        SampleFormat::U16 => start::<u16>,
        SampleFormat::U32 => start::<u32>,
        SampleFormat::U64 => start::<u64>,
        SampleFormat::F32 => start::<f32>,
        SampleFormat::F64 => start::<f64>,
        other => return Err(format!("the card wants samples of an unknown kind, {other}")),
    };
    let stream = build(&device, config, player).map_err(|error| error.to_string())?;
    let opened = Opened {
        ring,
        samples_per_second,
    };
    Ok((stream, opened))
}

fn start<T>(
    device: &cpal::Device,
    config: cpal::StreamConfig,
    mut player: Player,
) -> Result<Stream, cpal::Error>
where
    T: SizedSample + FromSample<i16>,
{
    let ended = Arc::clone(&player.ended);
    let stream = device.build_output_stream(
        config,
        move |data: &mut [T], _: &cpal::OutputCallbackInfo| player.fill(data),
        move |error: cpal::Error| match error.kind() {
            ErrorKind::Xrun | ErrorKind::RealtimeDenied => {}
            _ => {
                if !ended.swap(true, Ordering::Relaxed) {
                    log::warn!(target: "host::audio", "the sound card was lost: {error}");
                }
            }
        },
        None,
    )?;
    stream.play()?;
    Ok(stream)
}

/// The card's end of the ring.
struct Player {
    ring: Consumer<i16>,
    /// So much must be there before playing starts.
    enough: usize,
    channels: usize,
    playing: bool,
    last: i16,
    ended: Arc<AtomicBool>,
    quiet: bool,
}

impl Player {
    fn fill<T: SizedSample + FromSample<i16>>(&mut self, data: &mut [T]) {
        if !std::mem::replace(&mut self.quiet, true) {
            silence_alsa();
        }
        if !self.playing {
            self.playing = self.ring.slots() >= self.enough;
        }
        for frame in data.chunks_mut(self.channels) {
            let sample = self.next();
            frame.fill(T::from_sample(sample));
        }
        if self.ring.is_abandoned() && self.ring.is_empty() {
            self.ended.store(true, Ordering::Relaxed);
        }
    }

    /// The next sample; when there is none, a way back to silence without a click.
    fn next(&mut self) -> i16 {
        let sample = if self.playing { self.ring.pop().ok() } else { None };
        self.playing = sample.is_some();
        self.last = sample.unwrap_or(self.last - self.last / 32 - self.last.signum());
        self.last
    }
}

/// The ALSA library writes what it thinks to standard error; here it is kept from that in this thread.
fn silence_alsa() {
    #[cfg(target_os = "linux")]
    if let Err(error) = alsa::Output::local_error_handler() {
        log::debug!(target: "host::audio", "ALSA stays loud: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: TickRate = TickRate::new(1_000_000);

    fn voice(samples_per_second: u32) -> (Voice, Consumer<i16>) {
        let (ring, from_ring) = RingBuffer::new(millis(RING_MILLIS, samples_per_second));
        let opened = Opened {
            ring,
            samples_per_second,
        };
        (Voice::new(opened, RATE), from_ring)
    }

    fn player(ring: Consumer<i16>, channels: usize) -> Player {
        Player {
            ring,
            enough: 10,
            channels,
            playing: false,
            last: 0,
            ended: Arc::default(),
            quiet: true,
        }
    }

    /// A tone of 500 Hz in steps of 10 ms, with a card whose clock runs at `card` of ours. The
    /// fill of the ring at the end, in milliseconds, and how often the card found nothing.
    fn run_against(samples_per_second: u32, card: f64, steps: u64) -> (usize, u32) {
        let (mut voice, mut ring) = voice(samples_per_second);
        let (mut owed, mut missing, mut started) = (0.0, 0, false);
        for step in 0..steps {
            let (from, to) = (step * 10_000, (step + 1) * 10_000);
            let edges: Vec<_> = (0..10)
                .map(|n| SpeakerEdge {
                    at: from + n * 1000,
                    level: if n % 2 == 0 { 255 } else { 0 },
                })
                .collect();
            voice.play(&edges, from, to);
            started |= ring.slots() > millis(40, samples_per_second);
            owed += if started {
                f64::from(samples_per_second) / 100.0 * card
            } else {
                0.0
            };
            while owed >= 1.0 {
                owed -= 1.0;
                missing += u32::from(ring.pop().is_err());
            }
        }
        (ring.slots() * 1000 / samples_per_second as usize, missing)
    }

    #[test]
    fn clocks_that_differ_a_little_are_followed_at_either_rate() {
        for samples_per_second in [44_100, 48_000] {
            for card in [0.995, 0.999, 1.0, 1.001, 1.005] {
                let (fill, missing) = run_against(samples_per_second, card, 6000);
                assert_eq!(missing, 0, "{samples_per_second} {card}");
                assert!(
                    (15..130).contains(&fill),
                    "{samples_per_second} {card}: {fill} ms"
                );
            }
        }
    }

    #[test]
    fn a_guest_that_is_too_fast_loses_samples_and_one_too_slow_leaves_gaps() {
        let (fill, missing) = run_against(48_000, 0.3, 1000);
        assert_eq!((fill <= DROP_MILLIS, missing), (true, 0));
        assert!(run_against(48_000, 1.5, 1000).1 > 0);
    }

    #[test]
    fn silence_does_not_fill_the_ring_and_closes_the_card_in_the_end() {
        let (mut voice, _ring) = voice(48_000);
        for step in 0..600 {
            voice.play(&[], step * 10_000, (step + 1) * 10_000);
        }
        assert!(voice.in_ring() <= millis(TARGET_MILLIS, 48_000));
        assert!(voice.silent_samples > CLOSE_AFTER_SECONDS * 48_000);
    }

    #[test]
    fn the_player_waits_for_enough_fades_when_there_is_nothing_and_serves_every_format() {
        let (mut to_ring, ring) = RingBuffer::new(100);
        let mut player = player(ring, 2);
        (0..9).for_each(|_| to_ring.push(16384).unwrap());
        let mut early = [1.0f32; 8];
        player.fill(&mut early);
        assert_eq!(early, [0.0; 8], "not enough yet");
        (0..5).for_each(|_| to_ring.push(16384).unwrap());
        let mut floats = [0.0f32; 4];
        player.fill(&mut floats);
        assert_eq!(floats, [0.5; 4]);
        let mut words = [0u16; 4];
        player.fill(&mut words);
        assert_eq!(words, [0xc000; 4]);
        let mut samples = [0i16; 2000];
        player.fill(&mut samples);
        assert_eq!((samples[0], samples[1999]), (16384, 0));
        assert!(samples.windows(2).all(|pair| pair[1].abs_diff(pair[0]) < 600));
        assert!(!player.ended.load(Ordering::Relaxed));
        drop(to_ring);
        player.fill(&mut samples);
        assert!(player.ended.load(Ordering::Relaxed));
    }

    #[test]
    fn without_a_card_nothing_is_kept() {
        let (wish, wishes) = sync_channel(1);
        drop(wishes);
        let (_sender, opened) = channel();
        let mut live = Live::waiting(RATE, 0, Some(wish), opened);
        live.follow(&[SpeakerEdge { at: 5, level: 255 }], 10);
        assert!(live.wish.is_none() && live.backlog.is_empty());
    }

    #[test]
    fn what_is_played_while_the_card_opens_is_heard() {
        let (wish, _wishes) = sync_channel(1);
        let (sender, opened) = channel();
        let mut live = Live::waiting(RATE, 0, Some(wish), opened);
        live.follow(
            &[SpeakerEdge {
                at: 5_000,
                level: 255,
            }],
            10_000,
        );
        live.follow(&[SpeakerEdge { at: 15_000, level: 0 }], 20_000);
        let (ring, mut from_ring) = RingBuffer::new(48_000);
        let opened = Opened {
            ring,
            samples_per_second: 48_000,
        };
        sender.send(opened).unwrap();
        live.follow(&[], 30_000);
        let heard: Vec<i16> = std::iter::from_fn(|| from_ring.pop().ok()).collect();
        assert!((1400..1500).contains(&heard.len()), "{}", heard.len());
        assert!(heard.iter().any(|&sample| sample > 10_000));
        drop(from_ring);
        live.follow(&[], 40_000);
        assert!(live.voice.is_none(), "the card was lost");
    }
}
