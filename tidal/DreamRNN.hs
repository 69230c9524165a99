-- | DreamRNN from TidalCycles: ask the dream daemon for sounds that it dreams from your
-- recordings, and play them. For Tidal 1.7.10 to 1.10. Start the daemon first:
-- @dreamd run ~/recordings@.
--
-- Without touching your boot file, at any time, run DreamRNN.ghci, which lies next to this file:
--
-- > :script /path/to/DreamRNN.ghci
-- > ask $ dream "transpose" # seed "pluck" # secs 2
--
-- As part of your own stream, so that @d1@ and @once@ ask for dreams too: boot with
-- BootDreamRNN.hs, also next to this file, or do in your own boot file what is marked there. In
-- Tidal 1.10's new style that is @import Sound.Tidal.Boot@ and
-- @tidalInst <- mkTidalWith [(superdirtTarget, [superdirtShape]), dreamrnn] defaultConfig@.
--
-- With SuperDirt's relay (@DreamDirt.start@ in SuperCollider) a finished dream joins the bank
-- @dream@ at once:
--
-- > d1 $ sound dreamlast
-- > d1 $ sound "dream*4" # n (irand dreams)
--
-- A pattern repeats its request every cycle. The daemon keeps the newest four that wait for each
-- pattern, and cancels older ones.
module DreamRNN where

import Control.Concurrent (threadDelay)
import Sound.Tidal.Context
  ( ArcF (..), Args (..), ControlPattern, OSC (..), Pattern, Schedule (..), Target (..)
  , cI_, cS_, grp, mF, mS, pF, pI, pS, queryArc, superdirtTarget, (#) )

-- DreamRNN.ghci holds the rest of this file, word for word.

-- | Where the daemon listens. Another port: @(dreamrnnTarget {oPort = 57140}, [dreamrnnShape])@.
dreamrnnTarget :: Target
dreamrnnTarget = superdirtTarget
  { oName = "DreamRNN", oAddress = "127.0.0.1", oPort = 57130, oBusPort = Nothing
  , oLatency = 0, oWindow = Nothing, oSchedule = Live, oHandshake = False }

-- | What it is sent: every event with a @dream@ in it, and no other.
dreamrnnShape :: OSC
dreamrnnShape = OSC "/dream/request" (Named {requiredArgs = ["dream"]})

-- | And that what the pattern of this name has asked for is wanted no more: see 'askingWith'.
dreamhushShape :: OSC
dreamhushShape = OSC "/dream/cancel" (ArgList [("dreamhush", Nothing), ("dreamhushed", Nothing)])

-- | And every event with a @steer@ in it.
dreamsteerShape :: OSC
dreamsteerShape = OSC "/dream/set" (Named {requiredArgs = ["steer"]})

-- | All of these, for the list that @startStream@ takes.
dreamrnn :: (Target, [OSC])
dreamrnn = (dreamrnnTarget, [dreamrnnShape, dreamhushShape, dreamsteerShape])

-- | @asking@, of how a stream replaces a pattern and how it plays one once: it goes on asking until
-- @asking silence@ (sixteen cycles with nothing in them), which cancels what it has asked for, too.
askingWith :: (ControlPattern -> IO ()) -> (ControlPattern -> IO ()) -> ControlPattern -> IO ()
askingWith replace play pattern = replace pattern >> if silent then cancel else return ()
  where
    silent = null (queryArc pattern (Arc 0 16))
    -- what the stream has on its way by now arrives before
    cancel = threadDelay 200000
      >> play (pS "dreamhush" (pure "all") # pS "dreamhushed" (pure "asking"))

-- | How to dream: @dream "vector"@, @"spectrum"@, @"transpose"@ or @"column"@.
dream :: Pattern String -> ControlPattern
dream = pS "dream"

-- | What to dream from: @seed "pluck:0"@ is the first recording of the voice pluck, @"pluck"@
-- any place in it, @"dream:3"@ an earlier dream; also @"noise"@ and @"silence"@.
seed :: Pattern String -> ControlPattern
seed = grp [mS "seed", mF "seedn"]

-- | A file to dream from: @seedfile "/home/me/a take.wav"@.
seedfile :: String -> ControlPattern
seedfile = pS "seed" . pure

-- | The number of the recording: @seed "pluck" # seedn "<0 3 5>"@.
seedn :: Pattern Double -> ControlPattern
seedn = pF "seedn"

-- | From which second of the recording on: @seed "pluck:0" # seedat 12.5@.
seedat :: Pattern Double -> ControlPattern
seedat = pF "seedat"

-- | Dream from these pitches, as MIDI note numbers: @notes "60:64:67"@ is one chord.
notes :: Pattern String -> ControlPattern
notes = pS "notes"

-- | How many seconds to dream: @secs 2@. Without it, as long as the event lasts.
secs :: Pattern Double -> ControlPattern
secs = pF "secs"

-- | Whose model dreams: @seed "dream:0" # dreamvoice "pluck"@. (@voice@ is a name of Tidal's own.)
dreamvoice :: Pattern String -> ControlPattern
dreamvoice = pS "voice"

-- | @sampling "concurrent"@ goes on learning while it dreams, @"paused"@ does not.
sampling :: Pattern String -> ControlPattern
sampling = pS "sampling"

-- | Which recording a concurrent dream follows: @follow "pluck:0"@.
follow :: Pattern String -> ControlPattern
follow = pS "follow"

-- | From which second of that recording on: @followat 30@.
followat :: Pattern Double -> ControlPattern
followat = pF "followat"

-- | How fast it follows: @dreampace 0.5@ unfolds at half speed. (@pace@ is a name of Tidal's own.)
dreampace :: Pattern Double -> ControlPattern
dreampace = pF "pace"

-- | How strongly what it follows pulls at the dream: @learn 0.0001@; 0 does not pull at all.
learn :: Pattern Double -> ControlPattern
learn = pF "learn"

-- | How much chance is in it: @temperature 1@; 0, the usual, is none.
temperature :: Pattern Double -> ControlPattern
temperature = pF "temperature"

-- | How readily a dream leaps to what sounds like it: @wander 0@ walks straight on, @1@ leaps at
-- each event.
wander :: Pattern Double -> ControlPattern
wander = pF "wander"

-- | How far the seed, going on, steers instead of the dream: @outline 1@ keeps a melody's entries.
outline :: Pattern Double -> ControlPattern
outline = pF "outline"

-- | How much louder or softer than its recordings a dream comes, in dB: @dreamgain (-6)@.
-- (@gain@ is a name of Tidal's own.)
dreamgain :: Pattern Double -> ControlPattern
dreamgain = pF "dreamgain"

-- | Which of a voice's models, by the length of its vectors: @vector 512@.
vector :: Pattern Int -> ControlPattern
vector = pI "vector"

-- | An earlier state of the model, by its steps of training: @dreamsteps 2000@.
-- (@steps@ is a name of Tidal's own.)
dreamsteps :: Pattern Int -> ControlPattern
dreamsteps = pI "steps"

-- | From that earlier state, 0, to the newest, 1: @dreamsteps 2000 # blend 0.5@.
blend :: Pattern Double -> ControlPattern
blend = pF "blend"

-- | The same number, the same dream: @dreamrand 7@. (@rand@ is a name of Tidal's own.)
dreamrand :: Pattern Int -> ControlPattern
dreamrand = pI "rand"

-- | Record from SuperDirt's input into a voice, as long as the event lasts, or @secs@:
-- @once $ dreamrec "guitar" # secs 8@. (Needs @DreamDirt.start@ in SuperCollider.)
dreamrec :: Pattern String -> ControlPattern
dreamrec name = pS "voice" name # pS "s" (pure "dreamrec")

-- | Which of its inputs: @dreamrec "guitar" # dreamin 1@. 0 is the first.
dreamin :: Pattern Int -> ControlPattern
dreamin = pI "dreamin"

-- | A name for a dream, by which it is steered: @dream "column" # secs 60 # dreamname "line"@.
dreamname :: Pattern String -> ControlPattern
dreamname = pS "name"

-- | A dream without end, under a name, which SuperDirt plays until it is @ending@:
-- @once $ endless "line" # dream "column" # seed "pluck"@. (Needs @DreamDirt.start@ in
-- SuperCollider.)
endless :: Pattern String -> ControlPattern
endless name = dreamname name # pS "s" (pure "dreamstream")

-- | Fades it out: @once $ ending "line"@.
ending :: Pattern String -> ControlPattern
ending name = endless name # pF "ending" 1

-- | Steers a dream that is being made, by its name. What is said with it acts on what is not made
-- yet: @d1 $ steer "line" # temperature (slow 4 sine) # wander "<0 0.5>"@.
steer :: Pattern String -> ControlPattern
steer = pS "steer"

-- | How many seconds an endless dream is made ahead of its playing: @lead 0.3@.
lead :: Pattern Double -> ControlPattern
lead = pF "lead"

-- | Every key has a name that begins with @dream@; these are the same as those without it.
dreamseed, dreamnotes, dreamsampling, dreamfollow :: Pattern String -> ControlPattern
dreamseedfile :: String -> ControlPattern
dreamseedn, dreamseedat, dreamsecs, dreamfollowat, dreamlearn, dreamtemperature, dreamwander
  , dreamoutline, dreamblend, dreamlead :: Pattern Double -> ControlPattern
dreamvector :: Pattern Int -> ControlPattern
dreamseed = seed
dreamseedfile = seedfile
dreamseedn = seedn
dreamseedat = seedat
dreamnotes = notes
dreamsecs = secs
dreamsampling = sampling
dreamfollow = follow
dreamfollowat = followat
dreamlearn = learn
dreamtemperature = temperature
dreamwander = wander
dreamoutline = outline
dreamvector = vector
dreamblend = blend
dreamlead = lead

-- | How many dreams there are, as the daemon tells Tidal's control port:
-- @sound "dream" # n (irand dreams)@ plays any of them. Silent until the daemon has said it.
dreams :: Pattern Int
dreams = cI_ "dreams"

-- | The name of the newest dream: @sound dreamlast@. Silent as long as there is none.
dreamlast :: Pattern String
dreamlast = cS_ "dreamlast"
