// Beside a dream, the recordings that its cursor walked. A passage (a "leg") plays both: the
// dream's part, then the recording's. The pointer or the arrow keys choose, a click or Enter
// plays, Escape stops. While anything plays, a line in the dream and a dot in the recording go
// along.
"use strict";
(() => {
  const PAUSE = 0.3; // seconds between the two parts
  const FADE = 0.005; // seconds in which a part begins and ends: no clicks
  const decoded = new WeakMap(); // player or take -> promise of its AudioBuffer
  let context, stop = () => {};

  function sound(owner, url) {
    if (!decoded.has(owner)) {
      const bytes = Uint8Array.from(atob(url.slice(url.indexOf(",") + 1)), (c) => c.charCodeAt(0));
      decoded.set(owner, context.decodeAudioData(bytes.buffer));
    }
    return decoded.get(owner);
  }

  function schedule(buffer, when, offset, seconds) {
    const source = new AudioBufferSourceNode(context, { buffer });
    const gain = new GainNode(context, { gain: 0 });
    const fade = Math.min(FADE, seconds / 2);
    gain.gain.setValueAtTime(0, when).linearRampToValueAtTime(1, when + fade);
    gain.gain.setValueAtTime(1, when + seconds - fade).linearRampToValueAtTime(0, when + seconds);
    source.connect(gain).connect(context.destination);
    source.start(when, offset, seconds);
    return source;
  }

  function begin(figure, { seconds, legs, takes }) {
    const player = figure.querySelector("audio");
    const now = figure.querySelector(".now");
    const head = figure.querySelector(".head");
    const dots = takes.map((take, k) => figure.querySelectorAll(".take")[k].querySelector(".dot"));
    const buttons = [...figure.querySelectorAll(".legs button")];
    const items = [...figure.querySelectorAll(".passages li")];
    let playing = -1, shown = -1;

    // Everything that belongs to a passage is lit, and said in a line; -1: nothing.
    function show(number, sounding = "") {
      if (shown !== number) {
        const those = figure.querySelectorAll(`[data-leg="${number}"]`);
        for (const each of figure.querySelectorAll(".on")) each.classList.remove("on");
        for (const each of those) each.classList.add("on");
        figure.classList.toggle("chosen", number >= 0);
        const said = number < 0 ? [] : [...items[number].children].map((each) => each.textContent);
        if (said.length) said[0] += " of the dream";
        now.replaceChildren(...said.map((text) => {
          const part = document.createElement("span");
          part.textContent = text;
          return part;
        }));
        if (number >= 0) now.style.setProperty("--h", items[number].style.getPropertyValue("--h"));
        shown = number;
      }
      now.dataset.sounding = sounding;
    }

    // The line and the dot at a part (0…1) of a passage; without one they are hidden.
    function point(number, part) {
      head.hidden = number < 0;
      dots.forEach((dot, k) => dot && (dot.hidden = number < 0 || legs[number].take !== k));
      if (number < 0) return;
      const { at, to, take, pieces } = legs[number];
      const moment = at + part * (to - at);
      head.style.left = `${(100 * moment) / seconds}%`;
      if (!dots[take]) return;
      let left = part * pieces.reduce((sum, [first, last]) => sum + last - first, 0);
      const here = pieces.find(([first, last]) => (left -= last - first) <= 1e-6) ?? pieces.at(-1);
      const { start, end } = takes[take];
      dots[take].style.left = `${(100 * (here[1] + Math.min(left, 0) - start)) / (end - start)}%`;
      dots[take].style.top = `${(100 * moment) / seconds}%`;
    }

    function press(number, state) {
      for (const each of [buttons[number], items[number].querySelector("button")]) {
        each.setAttribute("aria-pressed", state);
      }
    }

    async function play(number) {
      const again = playing === number;
      stop();
      if (again) return;
      context ??= new AudioContext();
      playing = number;
      press(number, true);
      show(number);
      let sources = [];
      const mine = (stop = () => {
        stop = () => {};
        sources.forEach((source) => source.stop());
        press(number, false);
        playing = -1;
        point(-1);
        show(shown);
      });
      const { at, to, take, pieces } = legs[number];
      let dream, reel;
      try {
        await context.resume();
        dream = await sound(player, player.src);
        reel = takes[take].reel && (await sound(takes[take], takes[take].reel));
      } catch (error) {
        mine();
        now.textContent = `This browser cannot play it: ${error.message}`;
        return;
      }
      if (stop !== mine) return; // something else was chosen meanwhile
      const start = context.currentTime + 0.05;
      let when = start + (to - at) + PAUSE;
      sources.push(schedule(dream, start, at, to - at));
      for (const [first, last, place] of reel ? pieces : []) {
        sources.push(schedule(reel, when, place, last - first));
        when += last - first;
      }
      sources.at(-1).onended = () => stop === mine && mine();
      const second = start + (to - at) + PAUSE;
      (function follow() {
        if (stop !== mine) return;
        const moment = context.currentTime, dreams = moment < start + (to - at);
        const part = dreams ? (moment - start) / (to - at) : (moment - second) / (when - second);
        point(number, Math.min(Math.max(part, 0), 1));
        show(number, dreams ? "dream" : "recording");
        requestAnimationFrame(follow);
      })();
    }

    function follow() {
      const moment = player.currentTime;
      const number = legs.findIndex(({ at, to }) => at <= moment && moment < to);
      const { at, to } = legs[number] ?? { at: 0, to: 1 };
      point(number, (moment - at) / (to - at));
      show(number);
      if (!player.paused) requestAnimationFrame(follow);
    }

    const of = (event) => Number(event.target.closest?.("[data-leg]")?.dataset.leg ?? -1);
    const preview = (number) => playing < 0 && player.paused && show(number);
    figure.addEventListener("pointerover", (event) => preview(of(event)));
    figure.addEventListener("pointerleave", () => preview(-1));
    figure.addEventListener("focusin", (event) => {
      preview(of(event));
      const here = buttons.indexOf(event.target); // Tab comes back to it
      if (here >= 0) buttons.forEach((each, k) => (each.tabIndex = k === here ? 0 : -1));
    });
    figure.addEventListener("click", (event) => {
      if (event.target.closest("a, audio")) return;
      const number = of(event);
      if (number < 0) return;
      for (const each of document.querySelectorAll("audio")) each.pause();
      play(number);
    });
    figure.addEventListener("keydown", (event) => {
      const here = buttons.indexOf(event.target), last = buttons.length - 1;
      const there = { ArrowRight: here + 1, ArrowLeft: here - 1, Home: 0, End: last }[event.key];
      if (here < 0 || there === undefined) return;
      event.preventDefault();
      buttons[Math.min(Math.max(there, 0), last)].focus();
    });
    player.addEventListener("play", () => {
      stop();
      follow();
    });
  }

  document.addEventListener("keydown", (event) => event.key === "Escape" && stop());
  for (const data of document.querySelectorAll('figure script[type="application/json"]')) {
    begin(data.closest("figure"), JSON.parse(data.textContent));
  }
})();
