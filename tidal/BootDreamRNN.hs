-- A whole boot file for TidalCycles 1.7.10 to 1.10 with dreams in its own stream: d1, once and all
-- the others both play and ask. Give it to your editor as its boot file. Or keep your own, and do
-- there what is marked (1), (2) and (3) here.

:set -XOverloadedStrings
:set prompt ""
:set prompt-cont ""

-- (1) First of all: loading a module makes ghci forget everything else. `dreamd install` says
-- where it has put the file; on Linux it is here.
:load ~/.config/tidal/DreamRNN.hs

import Sound.Tidal.Context
import System.IO (hSetEncoding, stdout, utf8)
import qualified Sound.Tidal.Transition as T

hSetEncoding stdout utf8
default (Pattern String, Integer, Double)

-- (2) `dreamrnn` joins SuperDirt in the list of those who hear the patterns. With less latency
-- SuperCollider would post "late" again and again in Tidal 1.7.
let dirt = superdirtTarget {oLatency = 0.1, oPort = 57120}
tidal <- startStream (defaultConfig {cVerbose = False}) [(dirt, [superdirtShape]), dreamrnn]

:{
let p = streamReplace tidal
    once = streamOnce tidal
    asap = once
    hush = streamHush tidal
    panic = hush >> once (sound "superpanic")
    only = (hush >>)
    all = streamAll tidal
    setcps = once . cps
    list = streamList tidal
    mute = streamMute tidal
    unmute = streamUnmute tidal
    unmuteAll = streamUnmuteAll tidal
    solo = streamSolo tidal
    unsolo = streamUnsolo tidal
    unsoloAll = streamUnsoloAll tidal
    nudgeAll = streamNudgeAll tidal
    resetCycles = streamResetCycles tidal
    d1 = p 1 . (|< orbit 0)
    d2 = p 2 . (|< orbit 1)
    d3 = p 3 . (|< orbit 2)
    d4 = p 4 . (|< orbit 3)
    d5 = p 5 . (|< orbit 4)
    d6 = p 6 . (|< orbit 5)
    d7 = p 7 . (|< orbit 6)
    d8 = p 8 . (|< orbit 7)
    d9 = p 9 . (|< orbit 8)
    d10 = p 10 . (|< orbit 9)
    d11 = p 11 . (|< orbit 10)
    d12 = p 12 . (|< orbit 11)
:}

:{
let change = transition tidal True
    xfade = change (T.xfadeIn 4)
    xfadeIn k cycles = change (T.xfadeIn cycles) k
    anticipate = change T.anticipate
    anticipateIn k cycles = change (T.anticipateIn cycles) k
    clutch = change T.clutch
    clutchIn k cycles = change (T.clutchIn cycles) k
    interpolate = change T.interpolate
    interpolateIn k cycles = change (T.interpolateIn cycles) k
    jump = change T.jump
    jumpIn k cycles = change (T.jumpIn cycles) k
    wait k cycles = change (T.wait cycles) k
    setI = streamSetI tidal
    setF = streamSetF tidal
    setS = streamSetS tidal
:}

-- (3) The names that dreams.tidal uses: one dream, and one after the other until `asking silence`.
let ask = once
let asking = p "asking"

:set prompt "tidal> "
