// Measures what a page plays, from the outside: put into every page before its own scripts.
(() => {
  if (window.instruments) return;

  // Every connection the page makes, so that their number and their statistics can be read.
  const connections = [];
  const Native = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Native {
    constructor(...args) {
      super(...args);
      connections.push(this);
    }
  };

  const CELLS = 32;
  const ROWS = 3;
  const canvas = new OffscreenCanvas(CELLS, ROWS);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.imageSmoothingEnabled = false;

  const video = () => document.querySelector('video');
  const now = () => performance.timeOrigin + performance.now();

  // The number burned into the picture: each cell's middle becomes one pixel of a 32 by 3 canvas.
  function burned(element = video()) {
    if (!element || element.readyState < 2 || !element.videoWidth) return null;
    const cell = element.videoWidth >= 640 ? 16 : 8;
    context.drawImage(element, 0, 0, CELLS * cell, ROWS * cell, 0, 0, CELLS, ROWS);
    const at = now();
    const pixels = context.getImageData(0, 0, CELLS, ROWS).data;
    const rows = [0, 0, 0];
    for (let row = 0; row < ROWS; row++) {
      for (let bit = 0; bit < CELLS; bit++) {
        const i = 4 * (row * CELLS + bit);
        const bright = pixels[i] + pixels[i + 1] + pixels[i + 2] > 3 * 127;
        rows[row] = ((rows[row] << 1) | (bright ? 1 : 0)) >>> 0;
      }
    }
    const [counter, stamp, check] = rows;
    // An all black picture passes the check with zeros, and says nothing.
    if (((counter ^ stamp) >>> 0) !== check || stamp === 0) return null;
    // Both clocks in units of 100 microseconds, cut to 32 bits.
    const age = ((Math.floor(at * 10) % 2 ** 32) - stamp) >>> 0;
    return { counter, stamp, at, age_ms: age / 10, width: element.videoWidth, height: element.videoHeight };
  }

  // One entry for each frame the compositor showed. Bounded: 20 minutes at 60 frames a second.
  const MOST_FRAMES = 72000;
  let frames = [];
  let recorded = null;
  function record() {
    const element = video();
    if (!element || element === recorded) return !!element;
    recorded = element;
    frames = [];
    const shown = (at, metadata) => {
      if (recorded !== element) return;
      const number = burned(element);
      if (frames.length < MOST_FRAMES) {
        frames.push({
          at: now(),
          shown: performance.timeOrigin + metadata.expectedDisplayTime,
          received: metadata.receiveTime ? performance.timeOrigin + metadata.receiveTime : null,
          presented: metadata.presentedFrames,
          rtp: metadata.rtpTimestamp ?? null,
          counter: number ? number.counter : null,
          stamp: number ? number.stamp : null,
          age_ms: number ? number.age_ms : null,
          width: metadata.width,
          height: metadata.height,
        });
      }
      element.requestVideoFrameCallback(shown);
    };
    element.requestVideoFrameCallback(shown);
    return true;
  }

  // The newest connection that is not closed, where there is one.
  const current = () => connections.findLast(c => c.connectionState !== 'closed') ?? null;

  async function stats() {
    const connection = current();
    const answer = { made: connections.length, state: connection ? connection.connectionState : null, at: now() };
    if (!connection) return answer;
    for (const entry of (await connection.getStats()).values()) {
      if (entry.type === 'inbound-rtp') answer[entry.kind] = { ...entry };
      if (entry.type === 'candidate-pair' && entry.nominated) answer.pair = { ...entry };
      if (entry.type === 'remote-outbound-rtp') answer['remote_' + entry.kind] = { ...entry };
      if (entry.type === 'media-playout') answer.playout = { ...entry };
    }
    return answer;
  }

  // Loudness of the received sound, measured by a meter of our own beside the page's player, as root mean
  // square of full scale every `period` milliseconds for `duration` milliseconds.
  async function loudness(duration, period) {
    const element = video();
    const stream = element && element.srcObject;
    if (!stream || !stream.getAudioTracks().length) return null;
    const audio = new AudioContext();
    await audio.resume();
    const analyser = new AnalyserNode(audio, { fftSize: 1024 });
    audio.createMediaStreamSource(stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    const levels = [];
    const end = performance.now() + duration;
    while (performance.now() < end) {
      await new Promise(next => setTimeout(next, period));
      analyser.getFloatTimeDomainData(samples);
      levels.push(Math.sqrt(samples.reduce((sum, s) => sum + s * s, 0) / samples.length));
    }
    await audio.close();
    return levels;
  }

  // The largest amplitude that each of these tones had in the received sound for `duration` milliseconds, as a share of
  // full scale. A window of 43 ms tells tones apart that are 100 Hz from each other.
  async function tones(duration, hertz) {
    const element = video();
    const stream = element && element.srcObject;
    if (!stream || !stream.getAudioTracks().length) return null;
    const audio = new AudioContext();
    await audio.resume();
    const analyser = new AnalyserNode(audio, { fftSize: 2048 });
    audio.createMediaStreamSource(stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    const largest = hertz.map(() => 0);
    // What was heard before is in the window until then.
    await new Promise(next => setTimeout(next, 100));
    const end = performance.now() + duration;
    while (performance.now() < end) {
      await new Promise(next => setTimeout(next, 20));
      analyser.getFloatTimeDomainData(samples);
      hertz.forEach((tone, which) => {
        let [sine, cosine, weight] = [0, 0, 0];
        for (let n = 0; n < samples.length; n++) {
          const hann = 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / samples.length);
          const turn = (2 * Math.PI * tone * n) / audio.sampleRate;
          sine += hann * samples[n] * Math.sin(turn);
          cosine += hann * samples[n] * Math.cos(turn);
          weight += hann;
        }
        largest[which] = Math.max(largest[which], (2 * Math.hypot(sine, cosine)) / weight);
      });
    }
    await audio.close();
    return largest;
  }

  // When each beep of the received sound began, on the page's clock. A beep is sound after a quarter of a second of
  // silence. Bounded as the frames are.
  const MOST_BEEPS = 10000;
  const LOUD = 0.02;
  let beeps = null;
  async function listen() {
    const element = video();
    const stream = element && element.srcObject;
    if (!stream || !stream.getAudioTracks().length) return false;
    const audio = new AudioContext();
    await audio.resume();
    // A worklet would be loaded from a URL, which the page's policy forbids.
    const ear = audio.createScriptProcessor(1024, 1, 1);
    audio.createMediaStreamSource(stream).connect(ear);
    ear.connect(audio.destination);
    beeps = [];
    // Smallest distance of the two clocks seen: a callback comes late, never early.
    let distance = Infinity;
    let silent = 0;
    ear.onaudioprocess = event => {
      distance = Math.min(distance, now() - 1000 * event.playbackTime);
      const samples = event.inputBuffer.getChannelData(0);
      for (let i = 0; i < samples.length; i++) {
        if (Math.abs(samples[i]) < LOUD) {
          silent++;
          continue;
        }
        if (silent > audio.sampleRate / 4 && beeps.length < MOST_BEEPS) {
          beeps.push(distance + 1000 * event.playbackTime + 1000 * i / audio.sampleRate);
        }
        silent = 0;
      }
    };
    return true;
  }

  // When the page's first frame was shown, in milliseconds from the navigation's start; null before.
  let first = null;
  const wait = setInterval(() => {
    const element = video();
    if (!element) return;
    clearInterval(wait);
    element.requestVideoFrameCallback(at => (first = at));
  }, 1);

  window.instruments = {
    connections,
    first: () => first,
    listen,
    beeps: from => beeps.slice(from),
    burned,
    record,
    frames: from => frames.slice(from),
    stats,
    loudness,
    tones,
  };
})();
