//! Vectors from this program itself, for servers without an account anywhere: words, pairs of words and pieces of words,
//! hashed into as many numbers as a model gives. Knows no meaning, but finds texts that share words, also in other forms
//! and with typing errors.

use std::collections::HashMap;

use async_trait::async_trait;

use super::{DIMENSIONS, EmbeddingsError, EmbeddingsProvider};

/// The name of this way to make vectors. Changes with it.
const MODEL: &str = "local-ngrams-1";
/// How much a whole word counts.
const WORD: f32 = 1.0;
/// How much two words one after the other count.
const PAIR: f32 = 0.5;
/// How much the pieces of a word count together.
const PIECES: f32 = 0.9;
/// Lengths of pieces, in characters, the ends of the word counted as one each.
const LENGTHS: std::ops::RangeInclusive<usize> = 3..=5;

/// Words that say nothing about what a text is about.
const EMPTY: &[&str] = &[
    "a", "about", "an", "and", "any", "are", "as", "at", "be", "been", "but", "by", "can", "could", "did", "do",
    "does", "for", "from", "had", "has", "have", "how", "i", "if", "in", "into", "is", "it", "its", "me", "my", "no",
    "not", "of", "on", "or", "our", "should", "so", "that", "the", "their", "them", "then", "there", "these", "they",
    "this", "to", "was", "we", "were", "what", "when", "where", "which", "who", "why", "will", "with", "would", "you",
    "your",
];

/// Makes vectors without any model.
#[derive(Clone, Copy, Debug, Default)]
pub struct LocalNgrams;

#[async_trait]
impl EmbeddingsProvider for LocalNgrams {
    async fn embed(&self, _: &str, texts: &[String]) -> Result<Vec<Vec<f32>>, EmbeddingsError> {
        Ok(texts.iter().map(|text| vector(text)).collect())
    }

    fn model(&self, _: Option<&str>) -> &'static str {
        MODEL
    }

    fn name(&self) -> &'static str {
        "local"
    }
}

/// The vector of a text, of length 1 unless the text has no words.
fn vector(text: &str) -> Vec<f32> {
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty() && !EMPTY.contains(word))
        .collect();
    let mut features: HashMap<u64, f32> = HashMap::new();
    let mut add = |feature: u64, weight: f32| *features.entry(feature).or_default() += weight;
    for word in &words {
        add(hash(&[b"w", word.as_bytes()]), WORD);
        let pieces = pieces(word);
        let weight = PIECES
            / f32::from(u16::try_from(pieces.len()).unwrap_or(u16::MAX))
                .max(1.0)
                .sqrt();
        for piece in pieces {
            add(hash(&[b"p", piece.as_bytes()]), weight);
        }
    }
    for pair in words.windows(2) {
        add(hash(&[b"b", pair[0].as_bytes(), b" ", pair[1].as_bytes()]), PAIR);
    }
    let mut vector = vec![0.0; DIMENSIONS];
    for (feature, weight) in features {
        // What is said ten times is not ten times as much about it.
        let weight = weight.ln_1p();
        let place = usize::try_from(feature % DIMENSIONS as u64).unwrap_or_default();
        vector[place] += if feature >> 63 == 0 { weight } else { -weight };
    }
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|x| *x /= length);
    }
    vector
}

/// The pieces of a word with its ends marked.
fn pieces(word: &str) -> Vec<String> {
    let marked: Vec<char> = std::iter::once('<').chain(word.chars()).chain(['>']).collect();
    LENGTHS
        .flat_map(|length| marked.windows(length).map(|piece| piece.iter().collect()))
        .collect()
}

/// FNV-1a, mixed at the end so that all bits depend on all of the text.
fn hash(parts: &[&[u8]]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in parts.iter().flat_map(|part| part.iter()) {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn similarity(a: &str, b: &str) -> f32 {
        vector(a).iter().zip(vector(b)).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn texts_that_share_words_are_closer_than_those_that_do_not() {
        let query = "reset my password";
        let (near, typo, far) = (
            similarity(query, "How passwords are reset"),
            similarity(query, "How to rest the pasword"),
            similarity(query, "Export invoices as PDF"),
        );
        assert!(near > typo && typo > far, "{near} {typo} {far}");
        assert!(far.abs() < 0.15, "{far}");
        assert!((similarity(query, query) - 1.0).abs() < 1e-5);
    }

    #[test]
    fn every_text_has_a_vector() {
        for text in ["", "  ", "the", "日本語のテキスト", "\u{1F600}"] {
            let vector = vector(text);
            assert_eq!(vector.len(), DIMENSIONS);
            assert!(vector.iter().all(|x| x.is_finite()), "{text}");
        }
        assert_eq!(vector("same"), vector("same"));
    }
}
