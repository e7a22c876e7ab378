//! Names for visitors that people can say: `adjective-noun-NN`, computed from the visitor's id.
//!
//! The dashboard computes the same name itself where it is missing, so the words, their order and the arithmetic are
//! fixed.

use opencom_core::id::VisitorId;

/// The name of a visitor. Not unique.
pub(crate) fn of_visitor(id: VisitorId) -> String {
    of_text(&id.to_string())
}

fn of_text(text: &str) -> String {
    let hash = fnv1a(text);
    let mix = |salt: u32, factor: u32| (hash ^ salt).wrapping_mul(factor) as usize;
    let adjective = ADJECTIVES[mix(0x9E37_79B9, 2_246_822_519) % ADJECTIVES.len()];
    let noun = NOUNS[mix(0x85EB_CA6B, 2_246_822_519) % NOUNS.len()];
    let number = mix(0x27D4_EB2D, 0x1656_67B1) % 99 + 1;
    format!("{adjective}-{noun}-{number:02}")
}

/// FNV-1a over UTF-16 code units, as JavaScript's `charCodeAt` yields them.
fn fnv1a(text: &str) -> u32 {
    text.encode_utf16().fold(2_166_136_261, |hash, unit| {
        (hash ^ u32::from(unit)).wrapping_mul(16_777_619)
    })
}

// The lists are `adjectives` and `nouns` of the npm package human-id 4.2.2, under this licence:
//
// MIT License
//
// Copyright (c) 2018 RienNeVaPlus
//
// Permission is hereby granted, free of charge, to any person obtaining a copy
// of this software and associated documentation files (the "Software"), to deal
// in the Software without restriction, including without limitation the rights
// to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
// copies of the Software, and to permit persons to whom the Software is
// furnished to do so, subject to the following conditions:
//
// The above copyright notice and this permission notice shall be included in all
// copies or substantial portions of the Software.
//
// THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
// IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
// FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
// AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
// LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
// OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
// SOFTWARE.

#[rustfmt::skip]
const ADJECTIVES: [&str; 200] = [
    "afraid", "all", "beige", "better", "big", "blue", "bold", "brave", "breezy", "bright", "brown", "bumpy", "busy",
    "calm", "chatty", "chilly", "chubby", "clean", "clear", "clever", "cold", "common", "cool", "cozy", "crisp",
    "cuddly", "curly", "curvy", "cute", "cyan", "dark", "deep", "dirty", "dry", "dull", "eager", "early", "easy",
    "eight", "eighty", "eleven", "empty", "every", "fair", "famous", "fancy", "fast", "few", "fiery", "fifty", "fine",
    "five", "flat", "floppy", "fluffy", "forty", "four", "frank", "free", "fresh", "fruity", "full", "funky", "funny",
    "fuzzy", "gentle", "giant", "gold", "good", "goofy", "great", "green", "grumpy", "happy", "heavy", "hip",
    "honest", "hot", "huge", "humble", "hungry", "icy", "itchy", "jolly", "khaki", "kind", "large", "late", "lazy",
    "legal", "lemon", "light", "little", "long", "loose", "loud", "lovely", "lucky", "major", "many", "metal",
    "mighty", "modern", "moody", "neat", "new", "nice", "nine", "ninety", "odd", "old", "olive", "open", "orange",
    "perky", "petite", "pink", "plain", "plenty", "polite", "pretty", "proud", "public", "puny", "purple", "quick",
    "quiet", "rare", "ready", "real", "red", "rich", "ripe", "salty", "seven", "shaggy", "shaky", "sharp", "shiny",
    "short", "shy", "silent", "silly", "silver", "six", "sixty", "slick", "slimy", "slow", "small", "smart", "smooth",
    "social", "soft", "solid", "some", "sour", "sparkly", "spicy", "spotty", "stale", "strict", "strong", "sunny",
    "sweet", "swift", "tall", "tame", "tangy", "tasty", "ten", "tender", "thick", "thin", "thirty", "three", "tidy",
    "tiny", "tired", "tough", "tricky", "true", "twelve", "twenty", "two", "upset", "vast", "violet", "wacky", "warm",
    "wet", "whole", "wicked", "wide", "wild", "wise", "witty", "yellow", "young", "yummy",
];

#[rustfmt::skip]
const NOUNS: [&str; 300] = [
    "actors", "ads", "adults", "aliens", "animals", "ants", "apes", "apples", "areas", "baboons", "badgers", "bags",
    "balloons", "bananas", "banks", "bars", "baths", "bats", "beans", "bears", "beds", "beers", "bees", "berries",
    "bikes", "birds", "boats", "bobcats", "books", "bottles", "boxes", "breads", "brooms", "buckets", "bugs", "buses",
    "bushes", "buttons", "camels", "cameras", "candies", "candles", "canyons", "carpets", "carrots", "cars", "cases",
    "cats", "chairs", "chefs", "chicken", "cities", "clocks", "cloths", "clouds", "clowns", "clubs", "coats",
    "cobras", "coins", "colts", "comics", "cooks", "corners", "cougars", "cows", "crabs", "crews", "cups", "cycles",
    "dancers", "days", "deer", "deserts", "dingos", "dodos", "dogs", "dolls", "donkeys", "donuts", "doodles", "doors",
    "dots", "dragons", "drinks", "dryers", "ducks", "eagles", "ears", "eels", "eggs", "emus", "ends", "experts",
    "eyes", "facts", "falcons", "fans", "feet", "files", "flies", "flowers", "forks", "foxes", "friends", "frogs",
    "games", "garlics", "geckos", "geese", "ghosts", "gifts", "glasses", "goats", "grapes", "groups", "guests",
    "hairs", "hands", "hats", "heads", "hoops", "hornets", "horses", "hotels", "hounds", "houses", "humans", "icons",
    "ideas", "impalas", "insects", "islands", "items", "jars", "jeans", "jobs", "jokes", "keys", "kids", "kings",
    "kiwis", "knives", "lamps", "lands", "laws", "lemons", "lies", "lights", "lilies", "lines", "lions", "lizards",
    "llamas", "loops", "mails", "mammals", "mangos", "maps", "masks", "meals", "melons", "memes", "meteors", "mice",
    "mirrors", "moles", "moments", "monkeys", "months", "moons", "moose", "mugs", "nails", "needles", "news",
    "nights", "numbers", "olives", "onions", "oranges", "otters", "owls", "pandas", "pans", "pants", "papayas",
    "papers", "parents", "parks", "parrots", "parts", "paths", "paws", "peaches", "pears", "peas", "pens", "pets",
    "phones", "pianos", "pigs", "pillows", "places", "planes", "planets", "plants", "plums", "poems", "poets",
    "points", "pots", "pugs", "pumas", "queens", "rabbits", "radios", "rats", "ravens", "readers", "regions",
    "results", "rice", "rings", "rivers", "rockets", "rocks", "rooms", "roses", "rules", "sails", "schools", "seals",
    "seas", "sheep", "shirts", "shoes", "showers", "shrimps", "sides", "signs", "singers", "sites", "sloths",
    "snails", "snakes", "socks", "spiders", "spies", "spoons", "squids", "stamps", "stars", "states", "steaks",
    "streets", "suits", "suns", "swans", "symbols", "tables", "taxes", "taxis", "teams", "teeth", "terms", "things",
    "ties", "tigers", "times", "tips", "tires", "toes", "tools", "towns", "toys", "trains", "trams", "trees",
    "turkeys", "turtles", "vans", "views", "walls", "wasps", "waves", "ways", "webs", "weeks", "windows", "wings",
    "wolves", "wombats", "words", "worlds", "worms", "yaks", "years", "zebras", "zoos",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_the_dashboard_computes() {
        for (text, name) in [
            ("visitor_1", "pretty-eyes-95"),
            ("visitor_abc123", "fancy-hats-33"),
            ("wst_test", "thin-plums-87"),
            ("", "slow-pets-85"),
            ("jd7f2k9q0w3e5r8t1y6u4i2o9p0a3s5d", "fine-weeks-53"),
        ] {
            assert_eq!(of_text(text), name, "{text}");
        }
    }

    #[test]
    fn a_visitor_is_named_by_the_id_on_the_wire() {
        let id = VisitorId::generate();
        assert_eq!(of_visitor(id), of_text(&id.to_string()));
    }
}
